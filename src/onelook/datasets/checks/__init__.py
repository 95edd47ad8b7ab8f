"""What is wrong with a data set: one look at each picture, then one function a fault; all of it told, in words or as a page."""
