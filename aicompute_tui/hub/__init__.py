"""The hub that models come from: what ships about well-known ones, and Hugging Face behind a small protocol."""
