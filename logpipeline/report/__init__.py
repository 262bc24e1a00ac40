"""What a history holds, on one page: records are counted once into small frames that can be merged, whatever they come
from, and panels, charts and numbers are made of these.
"""
