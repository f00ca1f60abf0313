// 213x: substitution, parameters, conditions and matrices.

import type { ProblemCode } from '../problem-codes.ts'
import type { Explanation } from './explanation.ts'

export const ofValues = {
  E_TAG_UNCLOSED: {
    why: 'In version 2.1 `<<` begins a reference such as << parameters.name >>. This text has a `<<` that is not one: mostly the here-document of a shell.',
    mend: 'Write `\\<<` where `<<` is meant as text.',
    example: {
      text: 'version: 2.1\njobs:\n  build:\n    docker: [{image: debian:12}]\n    steps:\n      - run: |\n          cat <<EOF > settings\n          EOF\n',
    },
  },
  E_PARAMETER_UNDECLARED: {
    why: 'A reference names a parameter or value that does not exist where it stands. Parameters are seen in the job, command or executor that declares them, and nowhere else: a command does not see those of the job that calls it.',
    mend: 'Declare the parameter, correct its name, or hand the value on as an argument.',
    example: {
      text: 'version: 2.1\njobs:\n  build:\n    docker: [{image: debian:12}]\n    steps: [{run: make << parameters.target >>}]\n',
    },
  },
  E_PARAMETER_DECLARATION: {
    why: 'The declaration of a parameter lacks its `type`, is an enum without its values or with a default outside them, or has a name that already means something else.',
    mend: 'Write `type` (string, boolean, integer, enum, executor, steps or env_var_name) and, for an enum, the list `enum`.',
    example: {
      text: 'version: 2.1\nparameters:\n  colour: {enum: [red, blue], default: red}\njobs:\n  build:\n    docker: [{image: debian:12}]\n    steps: [checkout]\n',
    },
  },
  E_ARGUMENT_MISSING: {
    why: 'A job, command or executor has a parameter without a default, and is used without a value for it.',
    mend: 'Give the value where it is used, or declare a default.',
    example: {
      text: 'version: 2.1\ncommands:\n  greet:\n    parameters: {whom: {type: string}}\n    steps: [{run: echo << parameters.whom >>}]\njobs:\n  build:\n    docker: [{image: debian:12}]\n    steps: [greet]\n',
    },
  },
  E_ARGUMENT_UNEXPECTED: {
    why: 'A value is given for a parameter that is not declared. In a workflow every key below a job that has no meaning of its own counts as an argument, so a misspelled option ends up here as well.',
    mend: 'Declare the parameter, or correct the name.',
    example: {
      text: 'version: 2.1\njobs:\n  build:\n    docker: [{image: debian:12}]\n    steps: [checkout]\nworkflows:\n  all:\n    jobs: [{build: {contexts: deploy}}]\n',
    },
  },
  E_ARGUMENT_TYPE: {
    why: 'A value has another type than its parameter declares. Nothing is converted: 3.10 is a number and no text, "true" is a text and no boolean.',
    mend: 'Put texts in quotes and take numbers and booleans out of them, or change the declared type.',
    example: {
      text: 'version: 2.1\ncommands:\n  install:\n    parameters: {version: {type: string}}\n    steps: [{run: "install << parameters.version >>"}]\njobs:\n  build:\n    docker: [{image: debian:12}]\n    steps: [{install: {version: 3.10}}]\n',
    },
  },
  E_EXPRESSION: {
    why: 'The text of a `when`, of a filter or between << >> cannot be read as an expression, names a value that does not exist, or compares what cannot be compared.',
    mend: 'Expressions have and, or, not, ==, !=, <, >, starts-with and matches; texts stand in double quotes, patterns between slashes.',
    example: {
      text: 'version: 2.1\njobs:\n  build:\n    docker: [{image: debian:12}]\n    steps: [checkout]\nworkflows:\n  all:\n    when: pipeline.git.branch = "main"\n    jobs: [build]\n',
    },
  },
  E_CONDITION: {
    why: 'A condition written as a map has exactly one of and, or, not, equal and matches, with the values it needs. A list alone is no condition.',
    mend: 'Write one operator; join several with `and` or `or`.',
    example: {
      text: 'version: 2.1\njobs:\n  build:\n    docker: [{image: debian:12}]\n    steps: [checkout]\nworkflows:\n  all:\n    when: {equals: [a, b]}\n    jobs: [build]\n',
    },
  },
  E_MATRIX: {
    why: 'A matrix needs `parameters`, each a list with at least one value, and none of them may also be given beside the matrix.',
    mend: 'Give each parameter once: as a list in the matrix, or as one value beside it.',
    example: {
      text: 'version: 2.1\njobs:\n  test:\n    parameters: {node: {type: string}}\n    docker: [{image: "node:<< parameters.node >>"}]\n    steps: [checkout]\nworkflows:\n  all:\n    jobs:\n      - test: {matrix: {parameters: {node: ["20", "22"]}}, node: "18"}\n',
    },
  },
  W_MATRIX_EXCLUDE: {
    why: 'An exclusion leaves out the combination that is equal to it: it names every parameter of the matrix, with values of the same type. This one is equal to none.',
    mend: 'Name all parameters, and write the values exactly as in the matrix: 18 is not "18".',
    example: {
      text: 'version: 2.1\njobs:\n  test:\n    parameters: {node: {type: string}}\n    docker: [{image: "node:<< parameters.node >>"}]\n    steps: [checkout]\nworkflows:\n  all:\n    jobs:\n      - test: {matrix: {parameters: {node: ["20", "22"]}, exclude: [{node: 22}]}}\n',
    },
  },
  W_CONDITION_VALUE: {
    why: 'Inside a condition stands a map whose key is none of and, or, not, equal and matches, as `when: always` of a step is sometimes written there. The platform takes it as a value, and a map is true. So is a text that is no expression, as a variable of the shell: the condition is decided before there is a shell.',
    mend: 'Take it out: it decides nothing. What a step does after a failure is said by its own `when`.',
    example: {
      text: 'version: 2.1\njobs:\n  build:\n    docker: [{image: debian:12}]\n    steps: [checkout]\nworkflows:\n  all:\n    when:\n      and:\n        - equal: [main, << pipeline.git.branch >>]\n        - when: always\n    jobs: [build]\n',
    },
  },
} as const satisfies Partial<Record<ProblemCode, Explanation>>
