"""What REST requests are answered."""
