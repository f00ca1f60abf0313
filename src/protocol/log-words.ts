// What a line looks like that tells of a failure. One guess for everybody who opens a log where it went wrong: the server
// when it is asked for the first such line, the browser when it goes from one to the next.

/** In text that may hold colours, also right before the word; `m`, so that it can look through many lines at once. */
export const failureWords =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is how colours begin.
  /(?:\b|(?<=\u001b\[[0-9;]*m))(?:error|errors|fatal|panic|exception|traceback|assert\w*|not ok|fail|failed|failure)\b|[\u2715\u2717]|^(?:\u001b\[[0-9;]*m)*E\s/im
