"""What people answered about pictures, tested."""
