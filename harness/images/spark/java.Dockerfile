# The base of Spark images with another Java than its own. No step runs a command, so it builds
# without a network.
ARG base_image
FROM ${base_image}

COPY java /usr/lib/jvm/java-runtime

ENV JAVA_HOME=/usr/lib/jvm/java-runtime
