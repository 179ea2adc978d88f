"""Words, names and spellings that the generated rows are made of."""

SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen"
).split()
TENS = "- - twenty thirty forty fifty sixty seventy eighty ninety".split()
MONTHS = (
    "January February March April May June July August September October November " "December"
).split()
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
NAMES = (
    "Anna Ben Clara David Emma Frank Grace Henry Ida Jack Kate Leo Mary Nora Oscar Paul Ruth "
    "Sam Tom Vera Will Amy Bob Carl Dora Eric Fay Gus Hope Ivan Jane Karl Lily Max"
).split()
ROOMS = (
    "kitchen bedroom office hall garage bathroom attic nursery cellar porch library parlour "
    "garden shop barn stable"
).split()
CITIES = "Rome Paris London Berlin Madrid Vienna Oslo Dublin Athens Lisbon Prague Warsaw".split()
COLOURS = "red blue green yellow black white brown grey pink purple".split()
THINGS = "nuts apples books coins stones eggs cards pens shells stamps keys cups".split()
ONSETS = (
    "b br c cl d dr f fl gl h j k l m n p pl r s sl st t tr v w z sh ch th ph qu kn wr"
).split()
VOWELS = {
    "a": "a",
    "e": "e",
    "i": "i",
    "o": "o",
    "u": "u",
    "ai": "AY",
    "ee": "EE",
    "oa": "OH",
    "oo": "OO",
    "ou": "OW",
}
LONG = {"a": "AY", "e": "EE", "i": "EYE", "o": "OH", "u": "OO"}
SHORT = {"a": "ah", "e": "eh", "i": "ih", "o": "o", "u": "uh"}
CODAS = "b ck d ft g l ll m n nd ng nt p sh ss st t th x".split()
HEARD = {
    "kn": "n",
    "wr": "r",
    "ph": "f",
    "qu": "kw",
    "ck": "k",
    "ll": "l",
    "ss": "s",
    "x": "ks",
    "c": "k",
}


def words(n):
    """British style: with "and" and hyphens."""
    if n < 20:
        return SMALL[n]
    if n < 100:
        return TENS[n // 10] + (f"-{SMALL[n % 10]}" if n % 10 else "")
    if n < 1000:
        return SMALL[n // 100] + " hundred" + (f" and {words(n % 100)}" if n % 100 else "")
    rest = n % 1000
    return (
        words(n // 1000)
        + " thousand"
        + (f" and {words(rest)}" if 0 < rest < 100 else f" {words(rest)}" if rest else "")
    )


def ordinal(n):
    return f"{n}" + ("th" if n // 10 % 10 == 1 else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th"))


def cap(text):
    return text[:1].upper() + text[1:]
