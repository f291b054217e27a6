# The image of a driver that runs in a container: the base of Spark images with Python. Spark itself
# is mounted into it. No step runs a command, so it builds without a network.
ARG base_image
FROM ${base_image}

ADD layer.tar /
