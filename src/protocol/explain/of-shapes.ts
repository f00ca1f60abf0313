// 204x and 206x: shapes of values, and orbs.

import type { ProblemCode } from '../problem-codes.ts'
import type { Explanation } from './explanation.ts'

export const ofShapes = {
  E_TYPE: {
    why: 'The value is of another type than this key takes: a text where a number is needed, a map where a list is needed, and so on.',
    mend: 'Write a value of the type that the message names. Quotes make a text of anything; a dash makes an entry of a list.',
    example: {
      text: 'version: 2.1\njobs:\n  build:\n    docker: [{image: debian:12}]\n    parallelism: four\n    steps: [checkout]\n',
    },
  },
  E_VALUE: {
    why: 'The value has the right type and is not one of those that mean something here: a word outside a fixed list, a number outside its range, an empty name.',
    mend: 'Use one of the values that the message or its help lists.',
    example: {
      text: 'version: 2.1\njobs:\n  build:\n    docker: [{image: debian:12}]\n    steps: [{run: {command: make, when: sometimes}}]\n',
    },
  },
  E_KEY_MISSING: {
    why: 'A map lacks a key that it cannot do without. A key with nothing after it counts as missing.',
    mend: 'Add the key that the message names. If it is there, look at its indentation: it may belong to another map.',
    example: {
      text: 'version: 2.1\njobs:\n  build:\n    docker: [{image: debian:12}]\n    steps: [{run: {name: Compile}}]\n',
    },
  },
  W_UNKNOWN_KEY: {
    why: 'The map has a key that means nothing here. It is ignored, as the platform does; often it is a slip of the pen, or a key that belongs one level higher or lower.',
    mend: 'Correct the spelling or the indentation, or remove the key.',
    example: {
      text: 'version: 2.1\njobs:\n  build:\n    docker: [{image: debian:12}]\n    enviroment: {CC: clang}\n    steps: [checkout]\n',
    },
  },
  W_NEEDS_21: {
    why: 'Orbs, commands, executors, parameters, job groups and setup exist in version 2.1 only. In a version 2 file the key is ignored.',
    mend: 'Write `version: 2.1`. Then `<<` in scripts begins a reference and is written `\\<<` where it is meant as text.',
    example: {
      text: 'version: 2\ncommands:\n  greet: {steps: [{run: echo hello}]}\njobs:\n  build:\n    docker: [{image: debian:12}]\n    steps: [checkout]\n',
    },
  },
  W_NOT_CARRIED_OUT: {
    why: 'Mayfly knows what this means, and this version does not do it. The job goes on without it.',
    mend: 'Nothing in the file is wrong. If it matters to the job, do the same in a `run` step until a version carries it out.',
    example: {
      text: 'version: 2.1\njobs:\n  build:\n    docker: [{image: debian:12}]\n    steps: [{install_signing_bundle: {name: release}}]\n',
    },
  },
  E_DURATION: {
    why: 'A duration is a number with a unit. A text without one has none, and minutes are not guessed.',
    mend: 'Write for example 90s, 20m, 1.5h or 1h30m.',
    example: {
      text: 'version: 2.1\njobs:\n  build:\n    docker: [{image: debian:12}]\n    steps: [{run: {command: make, no_output_timeout: 20x}}]\n',
    },
  },
  W_ENV_NAME: {
    why: 'A variable that a shell can read has letters, digits and underscores in its name and does not begin with a digit. This one is left out.',
    mend: 'Rename it, mostly by writing an underscore for each hyphen.',
    example: {
      text: 'version: 2.1\njobs:\n  build:\n    docker: [{image: debian:12}]\n    environment: {APP-NAME: shop}\n    steps: [checkout]\n',
    },
  },
  W_JOB_NAME: {
    why: 'Two jobs have names that differ only in upper and lower case, or a parameter of a job has a name that means something else where the job is invoked. Both are allowed and easily confused.',
    mend: 'Give one of them a name of its own.',
    example: {
      text: 'version: 2.1\njobs:\n  build: &job\n    docker: [{image: debian:12}]\n    steps: [checkout]\n  Build: *job\n',
    },
  },
  W_UNSET_VALUE: {
    why: 'The value of the pipeline that stands here does not exist for this event: a branch when a tag was pushed, a tag when a branch was. It becomes empty text.',
    mend: 'Let the script expect an empty value, or keep the job to the events that have it, with filters.',
    example: {
      text: 'version: 2.1\njobs:\n  build:\n    docker: [{image: debian:12}]\n    environment: {RELEASE: << pipeline.git.tag >>}\n    steps: [checkout]\n',
    },
  },
  W_DEPRECATED: {
    why: 'An older way of writing something that has a better one today. It still means what it meant.',
    mend: 'Write it the way that the message or its help names.',
    example: {
      text: 'version: 2.1\njobs:\n  build:\n    docker: [{image: debian:12}]\n    steps: [{deploy: ./ship.sh}]\n',
    },
  },
  W_CLASS_UNKNOWN: {
    why: 'The sizes small, medium, large and so on are known to every runner. Any other word is the name of a class that some runner must offer; until one does, the job waits. The sizes of the platform for other machines (`arm.…`, `gpu.…`, `windows.…`, `macos.…`) do not wait: where no runner offers such a class, the job fails before it begins, with the reason.',
    mend: 'Use a size, or give a runner a class of this name. Leave out `arm.` where the job does not need an ARM processor.',
    example: {
      text: 'version: 2.1\njobs:\n  build:\n    docker: [{image: debian:12}]\n    resource_class: enormous\n    steps: [checkout]\n',
    },
  },
  W_STEP_REFUSED: {
    why: 'Mayfly knows what stands here, this version does not carry it out, and the job mostly relies on it. The job is planned, and fails with the reason: at the step, or before its first one where nothing it could do would help.',
    mend: 'Do the same in a `run` step, or leave it out if the job can do without it.',
    example: {
      text: 'version: 2.1\njobs:\n  build:\n    docker: [{image: debian:12}]\n    steps: [setup_remote_docker, {run: make}]\n',
    },
  },
  W_VARIABLE_UNSET: {
    why: 'The platform sets this variable, and nothing here does: pull requests from forks start no runs, and some existed in version 1 only. The script runs and finds it empty.',
    mend: 'Let the script expect it empty, or use what the help names.',
    example: {
      text: 'version: 2.1\njobs:\n  build:\n    docker: [{image: debian:12}]\n    steps: [{run: ./notify.sh "$CIRCLE_COMPARE_URL"}]\n',
    },
  },
  W_AUDIENCE_UNCLEAR: {
    why: 'Identity tokens are minted only for audiences that stand in the configuration. The one that `circleci run oidc get` is given here is put together when the step runs, or has characters that no audience can have.',
    mend: 'Write the audience itself into the command: letters, digits and `._:/@?=&%~+,-`. A parameter is fine, a variable of the shell is not.',
    example: {
      text: 'version: 2.1\njobs:\n  build:\n    docker: [{image: debian:12}]\n    steps:\n      - run: |\n          circleci run oidc get --claims "{\\"aud\\":\\"$AUDIENCE\\"}"\n',
    },
  },
  E_ORB_MISSING: {
    why: 'The file uses an orb from a registry. Mayfly fetches nothing while it compiles: the source of the orb must lie in the store of the installation or in the repository, and this one, or this version of it, does not.',
    mend: 'Put the source of the orb into the store with `mayfly orb add`, or commit it as the file that the help names. A version such as 5.1 takes the highest 5.1.x that is there.',
    example: {
      text: 'version: 2.1\norbs:\n  node: circleci/node@5.1\njobs:\n  build:\n    docker: [{image: debian:12}]\n    steps: [checkout, node/install]\n',
    },
  },
  E_ORB_UNKNOWN: {
    why: 'A name with a slash is an element of an orb: `orb/element`. The part before the slash is not declared under `orbs`.',
    mend: 'Declare the orb, or correct its name.',
    example: {
      text: 'version: 2.1\njobs:\n  build:\n    docker: [{image: debian:12}]\n    steps: [node/install]\n',
    },
  },
  W_ORB_UNUSED: {
    why: 'An orb is declared and no job, command or executor of it is used.',
    mend: 'Remove the declaration.',
    example: {
      text: 'version: 2.1\norbs:\n  slack: circleci/slack@4.1\njobs:\n  build:\n    docker: [{image: debian:12}]\n    steps: [checkout]\n',
    },
  },
  E_ORB_ELEMENT: {
    why: 'The orb is here, and it has no job, command or executor of this name. It may exist in another version of the orb, or be of another kind: a job cannot be used as a step.',
    mend: 'Correct the name, or use a version of the orb that has it.',
    example: {
      text: 'version: 2.1\norbs:\n  tools: {commands: {build: {steps: [{run: make}]}}}\njobs:\n  build:\n    docker: [{image: debian:12}]\n    steps: [tools/test]\n',
    },
  },
  E_ORB_REFERENCE: {
    why: 'An orb is declared as `namespace/orb@version`, or with its body in place. An address begins with `https://`. This is none of them.',
    mend: 'Write the namespace, a slash, the name, an @ and a version: `circleci/node@5.1.0`.',
    example: {
      text: 'version: 2.1\norbs:\n  node: circleci/node\njobs:\n  build:\n    docker: [{image: debian:12}]\n    steps: [node/install]\n',
    },
  },
  W_ORB_UNDECLARED: {
    why: 'With `override-with` the job of an orb is to take the place of this one, but no orb of that name is declared under `orbs`. The job stays as it is.',
    mend: 'Declare the orb, mend its name, or leave `override-with` out.',
    example: {
      text: 'version: 2.1\njobs:\n  build:\n    docker: [{image: debian:12}]\n    steps: [checkout]\nworkflows:\n  main:\n    jobs:\n      - build:\n          override-with: shared/build\n',
    },
  },
  E_ORB_BODY: {
    why: 'An orb holds commands, jobs, executors and orbs. Workflows and pipeline parameters belong to a configuration: an orb starts nothing by itself.',
    mend: 'Move the key to the configuration that uses the orb.',
    example: {
      text: 'version: 2.1\norbs:\n  tools:\n    commands: {build: {steps: [{run: make}]}}\n    workflows: {}\njobs:\n  build:\n    docker: [{image: debian:12}]\n    steps: [tools/build]\n',
    },
  },
} as const satisfies Partial<Record<ProblemCode, Explanation>>
