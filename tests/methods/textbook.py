"""Adam as its paper writes it, for references that are independent of PyTorch's optimisers."""

import torch


class Adam:
    """Weights w and a rate; `step(g)` moves w in place of the old. Betas 0.9 and 0.999, eps 1e-8."""

    def __init__(self, w, lr):
        self.w, self.lr, self.steps = w.detach().clone(), lr, 0
        self.mean, self.square = torch.zeros_like(self.w), torch.zeros_like(self.w)

    def step(self, g):
        self.steps += 1
        self.mean = 0.9 * self.mean + 0.1 * g
        self.square = 0.999 * self.square + 0.001 * g * g
        mean, square = self.mean / (1 - 0.9**self.steps), self.square / (1 - 0.999**self.steps)
        self.w = self.w - self.lr * mean / (square.sqrt() + 1e-8)

    def variable(self):
        """w, to be differentiated by."""
        return self.w.clone().requires_grad_()
