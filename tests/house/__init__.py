"""House rules, checked: who may import whom, what a file may hold, what is shipped, what the documents promise."""
