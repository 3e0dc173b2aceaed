/* SPDX-License-Identifier: MIT */
/* A preload that does nothing: what any preload costs. (ISO C wants something in a file.) */
extern int empty_preload;
int empty_preload;
