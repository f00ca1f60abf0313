// The door of the command line: the program with its verbs, and what it needs from its surroundings.
export { createProgram, type ExtraCommands, runProgram } from './program.ts'
export type { LocalSandboxes, Output, Surroundings } from './surroundings.ts'
