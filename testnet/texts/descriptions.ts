import type { Random } from "../../src/random.ts";
import { EVERYDAY } from "./everyday.ts";
import { expand, type Grammar, pick, polish } from "./grammar.ts";

const WORDS: Grammar = {
  ...EVERYDAY,
  room: [
    "kitchen",
    "hall",
    "workshop",
    "school",
    "cellar",
    "shop",
    "library",
    "station",
    "barn",
    "cafe",
    "museum",
    "office",
  ],
  object: [
    "table",
    "chair",
    "lamp",
    "shelf",
    "carpet",
    "window",
    "door",
    "clock",
    "stove",
    "picture",
    "bench",
    "cupboard",
    "bottle",
    "vase",
    "bag",
    "ladder",
    "basket",
    "box",
    "mirror",
    "curtain",
  ],
  material: [
    "wood",
    "glass",
    "stone",
    "iron",
    "paper",
    "wool",
    "clay",
    "leather",
    "copper",
    "straw",
  ],
  position: [
    "on the left",
    "on the right",
    "in the corner",
    "near the door",
    "under the window",
    "in the middle",
    "by the wall",
  ],
  person: [
    "a woman",
    "a man",
    "a child",
    "an old man",
    "a student",
    "a visitor",
    "{name}",
    "{name} {family}",
  ],
  doing: [
    "reads a book",
    "drinks tea",
    "waits for a friend",
    "looks out of the window",
    "writes a letter",
    "repairs a {object}",
    "counts coins",
    "sings a song",
    "cleans the {object}",
    "talks on the phone",
    "draws a {animal}",
    "eats bread and cheese",
  ],
  animal: ["cat", "dog", "bird", "horse", "cow", "fish", "bee", "mouse", "duck", "sheep"],
  plant: [
    "rose",
    "oak",
    "apple tree",
    "tulip",
    "fern",
    "tomato plant",
    "sunflower",
    "pine",
    "bean",
    "herb",
  ],
  notice: [
    "closed on {weekday}",
    "please knock",
    "fresh {dish}",
    "no {animal}s",
    "open until {month}",
    "{name} {family}",
  ],
  tool: ["hammer", "brush", "knife", "spoon", "needle", "saw", "pot", "bucket", "rope", "cloth"],
  dish: [
    "soup",
    "bread",
    "cake",
    "porridge",
    "salad",
    "stew",
    "pancakes",
    "apple pie",
    "rice",
    "tea",
  ],
  job: [
    "bake {dish}",
    "clean a {object}",
    "plant a {plant}",
    "paint a {object}",
    "repair a {object}",
    "cook {dish}",
    "pack a {object}",
    "wash a {object}",
  ],
  verb: [
    "wash",
    "dry",
    "cut",
    "mix",
    "warm",
    "cool",
    "turn",
    "shake",
    "press",
    "cover",
    "fill",
    "stir",
  ],
  span: [
    "a few minutes",
    "an hour",
    "half an hour",
    "one night",
    "two days",
    "ten minutes",
    "a short while",
  ],
};

const PLACES = [
  "the {room} in {town} is {adjective} and {adjective}.",
  "{position} there is a {adjective} {object} of {material}.",
  "{position} stands a {colour} {object}.",
  "{person} {doing}.",
  "{position}, {person} {doing}.",
  "{weather}.",
  "a {adjective} {animal} sleeps under the {object}.",
  "through the window you can see {street}.",
  "the {object} was a gift from {name} {family}.",
  "in {month} the {room} is closed on {weekday}.",
  "{person} writes a list : {dish}, {dish} and {dish}.",
  "the sign on the door says : {notice}.",
  "it smells of {material} and {dish}.",
  "the walls are {colour} and the floor is made of {material}.",
];

const NATURE = [
  "a {plant} needs water, light and time.",
  "the {animal} is {adjective} and likes to eat in the morning.",
  "in {month} the {plant} is {colour}.",
  "an {animal} can hear well and sleeps for many hours.",
  "most people know the {animal} and the {plant}.",
  "the {plant} grows best beside a wall of {material}.",
  "when it rains, the {animal} hides under a {plant}.",
  "a {object} of {material} is {adjective} but not {adjective}.",
  "a {animal} and a {animal} can live together on a farm.",
  "from {month} to {month} the days grow longer or shorter.",
];

const STEPS = [
  "{verb} it with a {tool}.",
  "then {verb} it for {span}.",
  "wait for {span}.",
  "next, take a {tool} and {verb} it slowly.",
  "do not {verb} it too long.",
  "put it on a {object} of {material}.",
  "if it is too {adjective}, {verb} it again.",
  "ask {name} to hold the {tool}.",
  "leave it {position} for {span}.",
  "be careful with the {tool}.",
];

/** A place and what is in it. */
export function description(random: Random): string {
  return sentences(random, pick([PLACES, NATURE], random), 4 + Math.floor(random() * 4));
}

/** How something is done, in a few steps. */
export function instruction(random: Random): string {
  const head = pick(
    [
      "to {job}, take a {tool} and a {tool}.",
      "how do you {job}? first find a {adjective} {tool}.",
      "here is how to {job}.",
      "you need : a {tool}, a {tool} and a {object}. then you can {job}.",
    ],
    random,
  );
  const steps = sentences(random, STEPS, 3 + Math.floor(random() * 3));
  const end = pick(
    ["now it is ready.", "that is all.", "now you can {job} too.", "clean the {tool} at the end."],
    random,
  );
  return polish(`${expand(head, WORDS, random)} ${steps} ${expand(end, WORDS, random)}`);
}

function sentences(random: Random, from: readonly string[], count: number): string {
  const chosen = Array.from({ length: count }, () => pick(from, random));
  return polish(expand(chosen.join(" "), WORDS, random));
}
