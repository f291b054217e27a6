sparkproof.Serve.run(spark)
