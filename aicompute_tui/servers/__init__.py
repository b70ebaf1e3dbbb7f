"""Model servers, one module for each kind: what they say of themselves, and what they do when asked."""
