"""What people say in the month of `console_data.py`, what the rules answer, and what becomes of it."""

#: Rule, weight, what is said to us, what we say.
RULES: tuple[tuple[str | None, int, tuple[str, ...], tuple[str, ...]], ...] = (
    ("hours", 260, ("Hours?", "hours", "open", "Open today?", "HOURS!!"), ("Corner Books is open Mon-Sat 9-18.",)),
    ("order", 220, ("order #{n}", "Order {n}", "order {n} please"), ("Order {n}: we are looking it up.",)),
    ("where", 120, ("where are you", "Where?", "address"), ("12 Harbour Street, behind the market.",)),
    ("price", 90, ("price", "Price list?", "how much is shipping"), ("Prices are on corner.example/prices.",)),
    ("booking", 80, ("book", "Book a table", "4", "fri"), ("Which day?", "How many people?", "Booked for {d} on fri.")),
    ("thanks", 60, ("thanks", "Thank you!", "ok thanks a lot"), ()),
    ("returns", 40, ("return", "I want to return a book"), ("Bring it back within 30 days.", "Keep the receipt.")),
    ("person", 12, ("person", "I need to talk to somebody"), ("Somebody will write to you soon.",)),
    ("stop", 10, ("STOP", "stop", "unsubscribe"), ("You are unsubscribed and will get no more messages.",)),
    ("gift-card", 1, ("gift card", "Gift cards?"), ("Gift cards are at the till.",)),
    ("anything-else", 40, (
        "do you deliver?", "Do you deliver", "do u deliver", "do you deliver to France", "adress", "adres?", "ardess",
        "Ist heute geöffnet?", "¿Tienen libros en español?", "my parcel {n} never came", "lol", "👍",
        "what about {d} pm",
        "can i pay by card", "can I pay with card?", "is this the bakery", "who is this", "wrong number", "{n}{n}",
    ), ("Sorry? Say HOURS or BOOK.",)),
    (None, 25, ("????", "call me", "Refund for {n} now", "hello?", "please take me off this list"), ()),
)  # fmt: skip
#: What becomes of a reply: state, weight, and for failures what the report says.
FATES: tuple[tuple[str, float, str | None], ...] = (
    ("delivered", 950, "No error."),
    ("delivered", 5, "2000: No Error"),
    ("unconfirmed", 9, "ErrorCode: 5002. ErrorMessage: Message Delivery Timeout"),
    ("unconfirmed", 2, "No delivery report came within BOT_REPORT_TIMEOUT."),
    ("sent", 12, None),
    ("failed", 8, "4004: The number does not exist."),
    ("failed", 5, "ErrorCode: 4006. ErrorMessage: Destination/Number/Carrier is not reachable"),
    ("failed", 4, "4005: Message blocked by carrier"),
    ("failed", 2, "4007: Sender blocked for given recipient."),
    ("failed", 1, "4020: carrier volume limit"),
    ("failed", 1, "5000: Internal error"),
    ("failed", 1, "9999: Unknown"),
    ("failed", 0.5, "ACS refused it: 400 Bad Request."),
    ("failed", 0.5, "Too late: it waited longer than BOT_REPLY_TTL."),
)
TAGS = (("customer", 60), ("asked-order", 30), ("vip", 3), ("complaint", 1))
