"""`python -m neraca`, for where the script is not on the PATH."""

from neraca.cli import main

if __name__ == "__main__":
    main()
