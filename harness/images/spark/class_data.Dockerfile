# Adds the archive of an executor's classes (see class_data.scala) to a Spark image. No step runs a
# command, so it builds without a network.
ARG base_image
FROM ${base_image}

COPY executor.jsa /opt/spark/class-data/executor.jsa
