// The door of the command line: the program with its verbs, and what it needs from its surroundings.
export { openerOf, openPage } from './open-page.ts'
export { createProgram, type ExtraCommands, runProgram } from './program.ts'
export { startPager } from './start-pager.ts'
export type { LocalSandboxes, Output, Surroundings } from './surroundings.ts'
