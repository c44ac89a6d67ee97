"""GrACE: a model that says how sure it is, in the pass that answers.

One token is appended to the vocabulary of any causal language model, and the model is trained so that its probability
is the probability that the response is right (Zhang, Liu, Patras, arXiv 2509.09438). The token is never drawn: text is
drawn from the softmax over all other tokens, the confidence is read in the softmax over all.
"""
