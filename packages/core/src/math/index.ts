export { erf, exp, log, pow, tanh } from './exponential.ts';
export { cos, sin } from './trigonometric.ts';
