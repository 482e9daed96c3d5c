"""Seeds that were red once, each with the sentence of what it found. They are run with every test, for ever.

What a seed does changes with the storm's own code: the plain test beside each fix holds it for good.
"""

REGRESSIONS: dict[int, str] = {
    134: "the outbox asked the ledger's writer five times a second while a payment's first message waited",
    476: "a notice settled a full refund between its claim and its first byte: the repetition is harmless",
    418: "an account whose answer was lost and that was paid into was told to have failed: 3001 was believed",
    63: "people could write a deposit down before its approval's outcome was known, and it was counted a second time",
    385: "more was taken than asked and its answer lost: a cancel by amount left the rest, unnoticed",
    984: "money given back in the console beside a pending refund of the rest made I3 end the process again and again",
    388: "Pay-Story's refusal of the second of two equal requests was believed: the first had given the money back",
    1055: "a webhook of money given back, come before its payment was known, was forgotten",
    1683: "nobody could decide about a window that may have taken money for an order that another payment has",
    18: "a cancel in the console was written beside a refund of all on its way: what that gave back fitted no more",
    13988: "money found by an inquiry, whose taking back was a person's by then, was written again by its late notice",
    13140: "the late notice of one refund settled an equal one: its day has six digits, and the answer's had eight",
    201033: '"nothing there", asked in the quiet period and answered after it, was believed: the money came in between',
    110717: "a cancel of a window that was perhaps paid was forgotten: the late news of its payment made it paid",
    6417: "news that was postponed while the bridge's clock ran four hours ahead waited hours once that was mended",
    90173: "people found a deposit whose notice was late, while its account waited: the notice wrote it once more",
    600192: "a part given back in the console was told before its payment was found, and forgotten once it was",
    3292: "the rest given back in PayApp's console was taken for our next part, as its price less the first was one",
    8376: "of a payment found after a part went back in the console only the rest was booked, as if no more was taken",
    3000279: "people called a deposit paid whose number nobody had told: the transfer back named no payment",
    3000445: "the rest of a lost approval, part of it given back by hand, was taken back twice: harmless there",
    6385: "a clock set back moved a window's end in restored books before the shop's proof of how it ended had come",
    6773: "Pay-Story's refusal of a second copy's amount was believed: the first copy had given the money back",
    12337: "PayApp's answer to a charge was another's, which nobody can tell: it names no order",
    819833: "a storm's clerks took what another had wired back by hand for the refund whose outcome nobody knew",
    805275: "a storm asked who was told of the months of a charge that had found no room to begin, and was declined",
    26000533: "a buyer's word was passed on about a payment whose number Welcome never told: it named none",
    921162: "people found another sum in an account that waits, told without proof: told with it, it was written again",
    977855: "a storm asked who was told of the months of a charge whose bridge died before its call had left",
    979596: "a storm took the window in which a card is registered for a refund of nothing",
    979733: "a storm called it giving back again when a window found after a restore was taken back the first time",
    951174: "an inquiry that tells of no refunds showed money that people had seen taken and given back: it was booked",
    957463: "a part went back in the console, so the whole could not be taken back: nothing was said to be there",
    964458: "a cancel told while our refund was unknown was taken for it, and nobody's once people denied ours",
    2011007: "a storm did not wait for the people who decide about money of a second window that cannot be taken back",
    1030359: "a storm reckoned what may be VAT of the one won that was taken of an order as of the order's price",
    3030839: "a part given back of a round that was not heard of yet fitted nothing, nor did it when told again",
    9003880: "a storm took a refund that PayApp has taken in, and makes days later, for one whose end is not known",
    9035353: "our refund, told late, was written again where the notice of a cancel in the console was later still",
    9041273: "a clock was set back an hour at midnight, and Payple was not asked about the day that had begun",
    11012355: "a cancel that failed, as a part had gone back in the console, was taken to say that nothing was there",
    11033090: "a storm set the clock back once more after its calm, and no shop could hand over what it knew",
    11041478: "a storm forgot, of what is left of another sum than was asked for, the VAT of a part given back by hand",
    12008196: "a storm did not wait for people to decide about the payment to which another's return had been brought",
    18011163: "a part went back of a plan's round whose news was lost, and nobody was ever to hear of it",
    8557: "news that a process had sent and died over was reworded by a later case, and said another thing then",
    1354: "a paid order's return, brought to an equal one at Welcome, was approved; taken back was the first's money",
}
HASTY = {3000279, 3000445}
WITH_WORDS = {6385, 6773, 12337, 819833, 805275, 26000533, 921162, 951174, 957463, 964458, 977855, 979596, 979733}
CROSSED = {2011007, 1030359, 3030839, 1354}
OVERHEARD = {9003880, 9035353, 9041273, 11012355, 11033090, 11041478, 12008196, 18011163, 8557}
PLAIN = frozenset(REGRESSIONS) - {90173, 600192, 3292, 8376} - HASTY - WITH_WORDS - CROSSED - OVERHEARD
"""Those found before schedules had extras (`extras.py`): they have none, and do what they did."""
WITHOUT_STORIES = PLAIN | {90173, 600192, 3292, 8376}
"""Those found before some schedules told seldom stories more often, or had hasty clerks (`extras.py`)."""
WITHOUT_WORDS = WITHOUT_STORIES | HASTY
"""Those found before cards were registered by their number, and before there were escrows and plans."""
WITHOUT_CROSSED = frozenset(REGRESSIONS) - CROSSED - OVERHEARD
"""Those found before buyers came back to one payment with what belongs to another."""
WITHOUT_OVERHEARD = frozenset(REGRESSIONS) - OVERHEARD
"""Those found before a return was brought first to another's payment, and before anybody told what they overheard."""
