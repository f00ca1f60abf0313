// Every bound of the compiler in one place. Text from a repository is hostile: what is not bounded here is a defect.

import { planBytesMax } from '../protocol/plan.ts'

const mebi = 1024 * 1024

export const limits = {
  /** UTF-8 bytes of one configuration file. */
  fileBytesMax: 3 * mebi,
  /** Levels of maps and lists inside each other. */
  depthMax: 100,
  /** Aliases may stand for this many times the nodes that were written, or `expansionFloor`, whichever is more. */
  expansionFactor: 10,
  expansionFloor: 200_000,
  /** Problems that are shown; more are counted. */
  problemsMax: 200,
  /** Of those that what follows may only come of: the others show when these are mended. */
  syntaxProblemsMax: 5,
  /** Characters of one line in a problem's frame. */
  frameWidthMax: 240,
  /** Jobs of one workflow after matrices are expanded. */
  jobsMax: 1024,
  /** Commands that call commands. */
  commandDepthMax: 50,
  /** Characters written by substitution and into plans while one file compiles. */
  workMax: 32 * mebi,
  planBytesMax,
  expressionDepthMax: 100,
  expressionLengthMax: 10_000,
  patternLengthMax: 2_000,
  /** Tries, their nesting, and the text, of a pattern that is matched by trying (pattern/backtrack.ts). */
  backtrackSteps: 100_000,
  backtrackDepth: 1_000,
  backtrackTextMax: 10_000,
  shardsMax: 256,
  contextsMax: 100,
  serialGroupMax: 512,
  pipelineParametersMax: 100,
  parameterNameMax: 128,
  parameterValueMax: 512,
  /** Names, image references, paths: what a plan calls a name (protocol/plan-parse.ts). */
  nameMax: 1024,
  stepNameMax: 200,
} as const
