// The catalogue of everything that a configuration can get wrong: symbol in code, number for people. One row each;
// numbers are never reused. Errors stop the compile, warnings and notes are shown beside a plan.

import type { Severity } from '../base/problem.ts'

export type ProblemRow = { readonly number: string; readonly severity: Severity; readonly title: string }

const error = (number: string, title: string): ProblemRow => ({ number, severity: 'error', title })
const warning = (number: string, title: string): ProblemRow => ({ number, severity: 'warning', title })
const note = (number: string, title: string): ProblemRow => ({ number, severity: 'note', title })

export const problemCodes = {
  // 20xx the file as such
  E_YAML_SYNTAX: error('MF2001', 'The file is not valid YAML'),
  E_YAML_TOO_LARGE: error('MF2002', 'The file is too large'),
  E_YAML_TOO_DEEP: error('MF2003', 'Maps and lists are nested too deeply'),
  E_YAML_EXPANSION: error('MF2004', 'Aliases expand to too many nodes'),
  E_YAML_DOCUMENTS: error('MF2005', 'The file holds more than one document'),
  E_YAML_TAG: error('MF2006', 'A YAML tag is not allowed'),
  E_YAML_ALIAS: error('MF2007', 'An alias names no anchor, or contains itself'),
  E_YAML_KEY: error('MF2008', 'A map key is not a scalar'),
  E_YAML_MERGE: error('MF2009', 'A merge key needs a map or a list of maps'),
  W_YAML_DUPLICATE_KEY: warning('MF2010', 'A key is written twice in one map'),
  E_CONFIG_MISSING: error('MF2020', 'There is no configuration file'),
  E_CONFIG_EMPTY: error('MF2021', 'The configuration is empty'),
  E_VERSION: error('MF2022', 'The version of the configuration is missing or unknown'),
  E_PLAN_TOO_LARGE: error('MF2030', 'The plan becomes too large'),
  E_TOO_MANY_JOBS: error('MF2031', 'A workflow has too many jobs'),
  N_MORE_PROBLEMS: note('MF2032', 'There are more problems than are shown'),
  N_NOTHING_TO_RUN: note('MF2033', 'No workflow applies to this event'),
  N_SETUP: note('MF2034', 'What a setup configuration goes on with depends on how its jobs run'),
  // 204x shapes
  E_TYPE: error('MF2040', 'A value has the wrong type'),
  E_VALUE: error('MF2041', 'A value is not one of the accepted ones'),
  E_KEY_MISSING: error('MF2042', 'A required key is missing'),
  W_UNKNOWN_KEY: warning('MF2043', 'An unknown key is ignored'),
  W_NEEDS_21: warning('MF2044', 'The key needs version 2.1'),
  W_NOT_CARRIED_OUT: warning('MF2045', 'Understood, but not carried out yet'),
  E_DURATION: error('MF2046', 'A duration is malformed'),
  W_ENV_NAME: warning('MF2047', 'A variable name is not usable'),
  W_JOB_NAME: warning('MF2048', 'A name is likely to be confused'),
  W_UNSET_VALUE: warning('MF2049', 'A value that is not set becomes empty text'),
  W_DEPRECATED: warning('MF2050', 'A deprecated form'),
  W_CLASS_UNKNOWN: warning('MF2051', 'A resource class is not one of the sizes'),
  W_STEP_REFUSED: warning('MF2052', 'Understood, but the job stops there'),
  W_VARIABLE_UNSET: warning('MF2053', 'A script names a variable that nothing sets here'),
  W_AUDIENCE_UNCLEAR: warning('MF2054', 'An audience is not written out'),
  // 206x orbs
  E_ORB_MISSING: error('MF2060', 'An orb is not here'),
  E_ORB_UNKNOWN: error('MF2061', 'An element of an undeclared orb is used'),
  W_ORB_UNUSED: warning('MF2062', 'An orb is declared and not used'),
  E_ORB_ELEMENT: error('MF2063', 'An orb has no such element'),
  E_ORB_REFERENCE: error('MF2064', 'A reference to an orb is malformed'),
  E_ORB_BODY: error('MF2065', 'The body of an orb has a key that only a configuration has'),
  W_ORB_UNDECLARED: warning('MF2066', 'No orb is declared for a job that is to take the place of another'),
  // 2090 is a malformed plan, see protocol/plan-parse.ts
  // 21xx jobs and workflows
  E_JOB_UNKNOWN: error('MF2100', 'A workflow invokes a job that is not defined'),
  E_NO_WORKFLOW: error('MF2101', 'There is no workflow and no job named "build"'),
  E_JOB_KIND: error('MF2102', 'A job must say where it runs, exactly once'),
  E_STEPS_EMPTY: error('MF2103', 'A job has no steps'),
  E_STEP_SHAPE: error('MF2104', 'A step is malformed'),
  E_COMMAND_UNKNOWN: error('MF2105', 'A step names no known command'),
  E_COMMAND_RECURSION: error('MF2106', 'A command calls itself'),
  E_REQUIRES_UNKNOWN: error('MF2107', 'A job requires one that is not in its workflow'),
  E_REQUIRES_AMBIGUOUS: error('MF2108', 'A requirement names several jobs'),
  E_REQUIRES_CYCLE: error('MF2109', 'Jobs require each other in a circle'),
  E_REQUIRES_STATUS: error('MF2110', 'A requirement names an unknown status'),
  E_PATTERN: error('MF2111', 'A regular expression cannot be used'),
  E_EXECUTOR_UNKNOWN: error('MF2113', 'An executor is not defined'),
  N_EMPTY_AFTER_CONDITIONS: note('MF2114', 'Conditions leave a job without steps'),
  W_UNTRUSTED_IN_SCRIPT: warning('MF2115', 'A value from outside with unsafe characters stands in a script'),
  // 213x substitution, parameters, conditions, matrices
  E_TAG_UNCLOSED: error('MF2130', 'An unclosed << tag'),
  E_PARAMETER_UNDECLARED: error('MF2131', 'A reference to an undeclared parameter or value'),
  E_PARAMETER_DECLARATION: error('MF2132', 'A parameter declaration is malformed'),
  E_ARGUMENT_MISSING: error('MF2133', 'A required argument is missing'),
  E_ARGUMENT_UNEXPECTED: error('MF2134', 'An argument is not declared as a parameter'),
  E_ARGUMENT_TYPE: error('MF2135', 'An argument has the wrong type'),
  E_EXPRESSION: error('MF2136', 'An expression is malformed'),
  E_CONDITION: error('MF2137', 'A condition is malformed'),
  E_MATRIX: error('MF2138', 'A matrix is malformed'),
  W_MATRIX_EXCLUDE: warning('MF2139', 'An exclusion of a matrix excludes nothing'),
  W_CONDITION_VALUE: warning('MF2140', 'A value in a condition counts as true'),
} as const satisfies Record<string, ProblemRow>

export type ProblemCode = keyof typeof problemCodes

const titles = new Map<string, string>(
  Object.values(problemCodes).map(({ number, title }) => [number, title]),
)

/** Of a number as problems carry it; empty for one that is not in the catalogue. */
export const titleOf = (number: string): string => titles.get(number) ?? ''
