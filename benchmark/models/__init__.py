"""Mathematics and specifications that tasks and methods share: mixtures, coding rates, photographs."""
