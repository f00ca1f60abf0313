// 20xx: the file as such.

import type { ProblemCode } from '../problem-codes.ts'
import type { Explanation } from './explanation.ts'

export const ofFiles = {
  E_YAML_SYNTAX: {
    why: 'The text cannot be read as YAML, so nothing can be said about its meaning. Usual causes: a bracket or quote that is not closed, a tab used as indentation, a colon inside unquoted text, lines of one list indented differently.',
    mend: 'Look at the marked place and at the line above it: the slip is often there. Put text that contains ": " or begins with a special character in quotes.',
    example: { text: 'version: 2.1\njobs: [build\n' },
  },
  E_YAML_TOO_LARGE: {
    why: 'A configuration may have up to 3 MiB. Larger ones are not read, so that a hostile file cannot fill the memory of the compiler.',
    mend: 'Move long scripts into files of the repository and run those; generate many similar jobs with a matrix instead of writing each.',
    example: null,
  },
  E_YAML_TOO_DEEP: {
    why: 'Maps and lists stand inside each other more than 100 levels deep. No sensible configuration does; what does is meant to exhaust a reader.',
    mend: 'Flatten the structure. If it was generated, look for the loop in the generator.',
    example: {
      text: 'version: 2.1\nx: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\n  [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\n',
    },
  },
  E_YAML_EXPANSION: {
    why: 'Aliases (`*name`) stand for copies of what they name. Here aliases of lists of aliases multiply to more nodes than are allowed: ten times what was written, or 200,000.',
    mend: 'Use fewer aliases of large maps. Commands and executors with parameters do the same without copying.',
    example: {
      text: 'a: &a [x, x, x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]\nc: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]\nd: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c]\ne: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d, *d]\nf: &f [*e, *e, *e, *e, *e, *e, *e, *e, *e, *e]\n',
    },
  },
  E_YAML_DOCUMENTS: {
    why: 'A line `---` begins a second YAML document. A configuration is one document; a leading `---` is fine.',
    mend: 'Remove the second document, or keep it in a file of its own.',
    example: { text: 'version: 2.1\njobs: {}\n---\nversion: 2.1\n' },
  },
  E_YAML_TAG: {
    why: 'A tag such as `!env` asks a reader of YAML to make something of a value. Only the core tags (`!!str`, `!!int`, `!!bool` and their likes) mean anything here.',
    mend: 'Remove the tag. Variables are written as $NAME in a command, values of the pipeline as << pipeline.… >>.',
    example: {
      text: 'version: 2.1\njobs:\n  build:\n    docker: [{image: !env IMAGE}]\n    steps: [checkout]\n',
    },
  },
  E_YAML_ALIAS: {
    why: 'An alias `*name` stands for what an anchor `&name` marked earlier. This one names no anchor above it, or stands inside what it names.',
    mend: 'Define the anchor before its first use, and check the spelling.',
    example: { text: 'version: 2.1\njobs:\n  build: *defaults\n' },
  },
  E_YAML_KEY: {
    why: 'The key of a map is a text, a number or a boolean. Here a map or a list stands in its place, mostly because of a `{` or `[` that should have been in quotes.',
    mend: 'Put the key in quotes.',
    example: { text: 'version: 2.1\n[jobs, workflows]: {}\n' },
  },
  E_YAML_MERGE: {
    why: 'The key `<<` merges another map into this one. Its value must be a map, an alias of one, or a list of those.',
    mend: 'Give it an alias of a map: `<<: *defaults`.',
    example: { text: 'version: 2.1\njobs:\n  build:\n    <<: defaults\n' },
  },
  W_YAML_DUPLICATE_KEY: {
    why: 'One map has the same key twice. The last one counts; what the first one says is lost without a trace, which is seldom meant.',
    mend: 'Remove one of them, or join what they say.',
    example: {
      text: 'version: 2.1\njobs:\n  build:\n    docker: [{image: debian:12}]\n    steps: [checkout]\n    steps: [{run: make}]\n',
    },
  },
  E_CONFIG_MISSING: {
    why: 'The commit has no file that Mayfly reads as a configuration.',
    mend: 'Add `.circleci/config.yml`. If it exists, look whether it was committed and pushed, and whether its name is spelled like this.',
    example: null,
  },
  E_CONFIG_EMPTY: {
    why: 'The file is there and says nothing: it is empty, or all of it is comments.',
    mend: 'Write a configuration; `mayfly explain MF2101` shows one of the smallest.',
    example: { text: '# to be written\n' },
  },
  E_VERSION: {
    why: 'The key `version` decides how the rest is read: 2 and 2.0 have no parameters, commands and `<< >>`, 2.1 has. It is missing here, or has another value.',
    mend: 'Write `version: 2.1` at the top, unless the file relies on the older rules.',
    example: { text: 'jobs:\n  build:\n    docker: [{image: debian:12}]\n    steps: [checkout]\n' },
  },
  E_PLAN_TOO_LARGE: {
    why: 'What the file expands to is larger than a plan may be (4 MiB), or takes more work than a compile may do. Commands that call commands many times, matrices and long scripts in them multiply.',
    mend: 'Split the work over fewer or smaller matrices, and move long scripts into files of the repository.',
    example: {
      text: 'version: 2.1\ncommands:\n  a: {steps: [{run: x}, {run: x}, {run: x}, {run: x}, {run: x}, {run: x}, {run: x}, {run: x}]}\n  b: {steps: [a, a, a, a, a, a, a, a]}\n  c: {steps: [b, b, b, b, b, b, b, b]}\n  d: {steps: [c, c, c, c, c, c, c, c]}\n  e: {steps: [d, d, d, d, d, d, d, d]}\n  f: {steps: [e, e, e, e, e, e, e, e]}\njobs:\n  build:\n    docker: [{image: debian:12}]\n    steps: [f]\n',
    },
  },
  E_TOO_MANY_JOBS: {
    why: 'A workflow has at most 1024 jobs after its matrices are expanded. A matrix makes a job of every combination, so its lists multiply.',
    mend: 'Shorten the lists, leave combinations out with `exclude`, or use `parallelism` and split the work inside a job.',
    example: {
      text: 'version: 2.1\njobs:\n  test:\n    parameters: {a: {type: integer}, b: {type: integer}, c: {type: integer}, d: {type: integer}}\n    docker: [{image: debian:12}]\n    steps: [{run: make test}]\nworkflows:\n  all:\n    jobs:\n      - test:\n          matrix:\n            parameters:\n              a: [1, 2, 3, 4, 5, 6]\n              b: [1, 2, 3, 4, 5, 6]\n              c: [1, 2, 3, 4, 5, 6]\n              d: [1, 2, 3, 4, 5, 6]\n',
    },
  },
  N_MORE_PROBLEMS: {
    why: 'A file has more than 200 problems. They are counted, but only the first 200 are shown.',
    mend: 'Mend what is shown first: many problems often have one cause.',
    example: null,
  },
  N_SETUP: {
    why: 'Jobs of a configuration with `setup: true` choose what the run goes on with. Before they run, Mayfly shows what is sure: where it does not know which files changed, every line of a mapping counts as matched, and what a script makes is not shown at all.',
    mend: 'Nothing is wrong. `mayfly config simulate --files PATHS` says what these changed files would choose; `mayfly run` finds it out.',
    example: {
      text: 'version: 2.1\nsetup: true\njobs:\n  make:\n    docker: [{image: debian:12}]\n    steps: [checkout, {run: ./generate}]\nworkflows: {all: {jobs: [make]}}\n',
    },
  },
  N_NOTHING_TO_RUN: {
    why: 'The file is in order, and no workflow of it applies to what happened: filters leave every job out for this branch or tag, a condition is false, or the workflow runs on schedule only.',
    mend: 'Nothing, if that was meant. `mayfly config simulate --branch NAME` says for each workflow and job why it does not run.',
    example: {
      text: 'version: 2.1\njobs:\n  release:\n    docker: [{image: debian:12}]\n    steps: [checkout]\nworkflows:\n  all:\n    jobs:\n      - release: {filters: {branches: {ignore: /.*/}, tags: {only: /^v.*/}}}\n',
    },
  },
} as const satisfies Partial<Record<ProblemCode, Explanation>>
