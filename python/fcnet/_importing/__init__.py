"""Networks from files and objects of other libraries."""
