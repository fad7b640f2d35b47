export { erf } from './error-function.ts';
export { exp, log, tanh } from './exponential.ts';
export { pow } from './power.ts';
export { cos, sin } from './trigonometric.ts';
