"""Tables with named columns: CSV, TSV, JSON lines and Parquet, one module each."""
