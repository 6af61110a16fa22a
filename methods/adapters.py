"""Former place of Deep LoRA as an adapter of any network: files written for an earlier layout import from here."""

from methods.texts.adapters import *  # noqa: F403  # what is public is declared there
