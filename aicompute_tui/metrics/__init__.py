"""Figures of GPUs and of machines, from NVML here and from nvidia-smi there."""
