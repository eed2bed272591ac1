"""Steps in pictures, and the page of it all."""
