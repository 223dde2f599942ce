"""`python -m city_model` is `saola`: how processes start each other without asking where the script was put."""

from city_model.cli import main

main()
