"""Read and write media files: pictures, sound, and what containers say."""
