"""The page that reads photos: one page for a server and for the browser alone, its modules, words and looks."""
