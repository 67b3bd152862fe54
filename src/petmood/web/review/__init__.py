"""The review page: photos and keys of a keyboard in, readers' decisions out."""
