// What of our environment a program that we start for a person gets: variables that are named, so no token.

export const passedOn = (
  environment: Readonly<Record<string, string | undefined>>,
  names: RegExp,
): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]) =>
      value !== undefined && names.test(name) ? [[name, value] as const] : [],
    ),
  )
