// What is said of a step, whatever carried it out.

export const outOfMemory = 'out of memory: choose a larger resource class'
