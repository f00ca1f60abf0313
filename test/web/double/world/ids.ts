// Ids and times of the double's world.

const body = (n: number): string => n.toString(32).padStart(26, '0')
export const idOf = (prefix: string, n: number): string => `${prefix}_${body(n)}`
export const ago = (seconds: number): string => new Date(Date.now() - seconds * 1000).toISOString()
