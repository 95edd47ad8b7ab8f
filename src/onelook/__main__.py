"""`python -m onelook` is the `onelook` command."""

from onelook.cli.main import main

if __name__ == "__main__":
    main()
