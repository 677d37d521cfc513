/** What parts of hints are, the most telling first, each with its shape. Written by editor-clients/configure.py. */
export const KINDS = [
  ["crash", "bold"],
  ["fail", "bold"],
  ["different", "bold"],
  ["end", "italic"],
  ["guessed", "italic"],
  ["remembered", "italic"],
  ["recorded", "plain"],
  ["computed", "plain"],
  ["pass", "plain"],
  ["count", "plain"],
] as const;
