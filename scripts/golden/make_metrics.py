"""Writes sentence pairs with sacrebleu's chrF scores, to metrics/chrf.json.

usage: make_metrics.py

chrF2 as sacrebleu computes it by default: n-grams of 1 to 6 Unicode code points, white space (as
Python's str.split sees it, U+00A0 and U+3000 too) removed, no word n-grams, beta 2, case kept.
Precision and recall are averaged over the orders at which both sides have n-grams, then combined.
The hypothesis's n-grams count as none at an order at which the reference has none.
"pairs" holds hypothesis, reference and the sentence score (0 to 100); "corpus" is the score of all
pairs together, from summed n-gram counts; "signature" is sacrebleu's description of the settings.
"""
import json

import sacrebleu
from sacrebleu.metrics import CHRF

from reference import GOLDEN

PAIRS = [
    ("Der Hund schl\u00e4ft.", "Der Hund schl\u00e4ft."),
    ("Der Hund schlief.", "Der Hund schl\u00e4ft."),
    ("Hund", "Der Hund schl\u00e4ft im Garten."),
    ("", "Der Hund schl\u00e4ft."),
    ("Der Hund schl\u00e4ft.", ""),
    ("", ""),
    ("a", "a"),
    ("a", "b"),
    ("ab", "ab"),
    ("ab", "ba"),
    ("abc", "abcdef"),
    ("abcdef", "abc"),
    ("aaaa", "aaaaaaaa"),
    ("aaaaaaaa", "aaaa"),
    (" ", "a"),
    ("a b c d e f", "abcdef"),
    ("The cat sat on the mat.", "The cat is sitting on the mat."),
    ("the cat sat on the mat", "The Cat Sat On The Mat"),
    ("on the mat the cat sat", "the cat sat on the mat"),
    ("A man is riding a bicycle.", "A person rides a bike."),
    ("Ein Mann f\u00e4hrt Fahrrad.", "Ein Mann f\u00e4hrt mit dem Fahrrad auf der Stra\u00dfe."),
    ("Zwei Kinder spielen im Schnee.", "Zwei Kinder spielen drau\u00dfen im Schnee."),
    ("Eine Frau mit rotem Hut l\u00e4chelt.",
     "Eine l\u00e4chelnde Frau tr\u00e4gt einen roten Hut."),
    ("Gr\u00f6\u00dfe \u00dcbergr\u00f6\u00dfe", "Groesse Uebergroesse"),
    ("caf\u00e9", "cafe\u0301"),
    ("\u65e5\u672c\u8a9e\u306e\u6587", "\u65e5\u672c\u8a9e\u306e\u6587\u7ae0\u3067\u3059"),
    ("\u041f\u0440\u0438\u0432\u0435\u0442 \u043c\u0438\u0440",
     "\u041f\u0440\u0438\u0432\u0435\u0442, \u043c\u0438\u0440!"),
    ("\U0001f600\U0001f601\U0001f602", "\U0001f600\U0001f601\U0001f603"),
    ("\U0001f600 ok", "\U0001f600 okay"),
    ("a\u00a0b\u3000c", "a b c"),
    ("line one\nline two\t3", "line one line two 3"),
    ("  padded   text  ", "padded text"),
    ("SELECT name FROM city WHERE pop > 10", "SELECT city.name FROM city WHERE city.pop > 10"),
    ("1234567890", "1234509876"),
    ("3.14", "3,14"),
    ("!!!", "???"),
    ("It's fine, isn't it?", "It is fine, is it not?"),
    ("x" * 300, "x" * 299 + "y"),
    ("The committee approved the proposal after a long debate on Tuesday evening.",
     "After lengthy discussion, the proposal was approved by the committee on Tuesday night."),
    ("Das Komitee nahm den Vorschlag an.", "The committee accepted the proposal."),
    ("Drei Br\u00fcder bauen ein Baumhaus aus alten Brettern und N\u00e4geln.",
     "Drei Br\u00fcder bauten aus alten Brettern und krummen N\u00e4geln ein Baumhaus."),
]


def main():
    metric = CHRF(char_order=6, word_order=0, beta=2)
    pairs = [{"hypothesis": hypothesis, "reference": reference,
              "score": metric.sentence_score(hypothesis, [reference]).score}
             for hypothesis, reference in PAIRS]
    corpus = metric.corpus_score([h for h, _ in PAIRS], [[r for _, r in PAIRS]]).score
    path = GOLDEN / "metrics/chrf.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({
        "script": "scripts/golden/make_metrics.py", "sacrebleu": sacrebleu.__version__,
        "signature": str(metric.get_signature()), "corpus": corpus,
        "pairs": pairs}, indent=1) + "\n")
    print(f"{len(pairs)} pairs, corpus chrF2 {corpus:.3f}")


if __name__ == "__main__":
    main()
