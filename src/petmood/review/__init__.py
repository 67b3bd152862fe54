"""What there is to review: photos and clusters in the order worth looking at."""
