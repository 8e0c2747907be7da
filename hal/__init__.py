"""What the board offers: serial lines, pins and modems. Knows no meter and no protocol above."""
