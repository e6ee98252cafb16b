"""What the command line and the page in the browser share."""
