"""`python -m app_streamlit`."""

from app_streamlit.serve import main

if __name__ == "__main__":
    main()
