"""One file = one suite of `saola camera score`, found by its file's name: `wrong_way.py` is `--suite wrong-way`."""
