# Adds the archive of an executor's classes, the list of its jars and that of a driver's classes (see
# class_data.scala) to a Spark image. No step runs a command, so it builds without a network.
ARG base_image
FROM ${base_image}

COPY class-data /opt/spark/class-data
