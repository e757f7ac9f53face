"""User studies: ratings, forced choices and rankings, how much raters agree, and metrics agree with them."""
