"""Entry point. Imports little, so that the command line can start loading the rest in the order it needs."""


def main() -> None:
    from emulator.cli import app

    app()


if __name__ == "__main__":
    main()
