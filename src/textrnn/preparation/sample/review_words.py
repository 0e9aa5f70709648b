"""Sentences and words of the generated reviews: data without code. Every sentence was invented for this project."""

from __future__ import annotations

from textrnn.preparation.sample.sampling import words

# Reviews: label 1 is negative, label 2 positive.
ADJECTIVES = {
    1: words(
        "bad terrible awful boring poor useless cheap disappointing broken horrible weak dull annoying flimsy"
        " worthless defective"
    ),
    2: words(
        "good great excellent wonderful amazing fantastic perfect lovely solid superb enjoyable reliable brilliant"
        " fun beautiful"
    ),
}
OPINIONS = {
    1: (
        "This {thing} is {adj}.",
        "It's {adj} and {adj}!",
        "not {opposite} at all",
        "I don't think it is {opposite}.",
        "What a waste of ${number}.",
        "I want my money back!!!",
        "Don't buy this {thing}.",
        "It stopped working after {number} days...",
        "I returned it the next day.",
        "The {thing} isn't as {opposite} as they say.",
        "Two thumbs down",
        "SAVE YOUR MONEY.",
        'Everyone said "{opposite}", but I found it {adj}.',
        "My {person} hated it.",
        "I wouldn't recommend the {thing}.",
    ),
    2: (
        "This {thing} is {adj}.",
        "It's {adj} and {adj}!",
        "not {opposite} at all",
        "You can't go wrong with it.",
        "Worth every penny of ${number}.",
        "I'd buy it again!!!",
        "Buy this {thing}, you won't regret it.",
        "It still works after {number} days...",
        "I can't put it down.",
        "The {thing} isn't as {opposite} as they say.",
        "Two thumbs up",
        "I LOVE IT.",
        'Everyone said "{opposite}", but I found it {adj}.',
        "My {person} loved it.",
        "I'd recommend the {thing} to anyone.",
    ),
}
NEUTRAL = (
    "I bought this {thing} in {year} for my {person}.",
    "It was ${number}.99 at {url}.",
    "The {thing} came in a {rare} box.",
    "Mr. {rare} wrote it in the U.S. in {year}.",
    "See {url} for the details.",
    "There are {number} parts, e.g. the {rare} and the {thing}.",
    "We've had it for {number} years.",
    "I read it on a train, from 9 a.m. to {number} p.m.",
    "Then again, who knows?",
    "It's about a {thing} and a {person}.",
    "My {person} has the other {thing}, i.e. the {rare} one.",
    "(I ordered it twice)",
    "So, what can I say...",
    '"{rare}" is on page {number}.',
    "Dr. {rare} uses it too.",
    "The colour is {rare}-grey, size 1/{number}.",
)
JOINERS = ("But ", "However, ", "Still... ", "On the other hand, ", "OK, ")
THINGS = words(
    "book movie CD camera phone toy story album DVD game cable lamp chair printer player battery soundtrack knife bag"
    " novel vacuum"
)
PEOPLE = words("wife husband son daughter mom dad friend brother sister boss dog")
URLS = words("www.example.com http://shop.example.com/x https://example.org www.example.net/reviews example.com")
SYLLABLES = words("ba cor del fi gra hul jen kra lo mis nor pel qui ros stu tam vek wil xan yor zed")
TITLES = {
    1: ("{adj}", "Not {opposite}", "{adj} {thing}", "Don't bother", "A {adj} {thing} for my {person}", "Disappointed"),
    2: ("{adj}", "Not {opposite}", "{adj} {thing}", "A must have", "A {adj} {thing} for my {person}", "Very happy"),
}
NEUTRAL_TITLES = ("My review", "The {rare} {thing}", "Mr. {rare}", "{year}", "Read this", "My {person}'s {thing}")

# Opinions in which the adjective alone tells nothing. Each frame stands with and without its negation, far from the
# adjective; a concession's two clauses, and what others say, are of the same CLAUSES.
SCOPES = (
    ("I would, after {number} weeks with it, call this {thing} {adj}.",
     "I would not, after {number} weeks with it, call this {thing} {adj}."),
    ("Everybody in my family found the {thing} {adj}.", "Nobody in my family found the {thing} {adj}."),
    ("There is much about the way it works that I would call {adj}.",
     "There is nothing about the way it works that I would call {adj}."),
)  # fmt: skip
CLAUSES = (
    "the {thing} is {adj} when you look at it",
    "it seems {adj} for what you pay",
    "the {thing} was {adj} from the start",
)
CONCESSIONS = (*4 * ("<other>, but <own>.",), "although <other>, <own>.", "<own>, although <other>.")
SPEAKERS = ("Everyone says that", "All the reviews claim that", "My {person} told me that", "The box says that")
VERDICTS = {True: ("They are right.", "That is true."), False: ("They are wrong.", "That is not true.")}
